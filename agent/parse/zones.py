"""Time zones by the names that feeds give them, in hours east of Greenwich."""

from __future__ import annotations

ZONE_HOURS = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 1, "bst": 1, "cet": 1, "met": 1, "cest": 2, "mest": 2,
    "eet": 2, "eest": 3, "msk": 3, "trt": 3, "msd": 4, "irst": 3.5, "irdt": 4.5, "idt": 3, "gst": 4, "azt": 4,
    "get": 4, "amt": 4, "aft": 4.5, "pkt": 5, "uzt": 5, "hkt": 8, "jst": 9, "kst": 9, "est": -5, "edt": -4, "cst": -6,
    "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "akst": -9, "akdt": -8, "hst": -10,
}  # fmt: skip
"""Abbreviations in lower case. Where two zones share one, the one that feeds mean."""

PLACE_HOURS = {
    "غرینتش": 0, "جرینتش": 0, "غرینیتش": 0, "گرینویچ": 0, "مکه": 3, "السعودیه": 3, "الریاض": 3, "بغداد": 3, "الدوحه": 3,
    "الکویت": 3, "موسکو": 3, "اسطنبول": 3, "انقره": 3, "طهران": 3.5, "تهران": 3.5, "ابوظبی": 4, "دبی": 4, "الامارات": 4,
}  # fmt: skip
"""Places that a time is said to be the time of (`months.fold`ed); only those that keep one time all year."""
