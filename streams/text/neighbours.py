"""Standards of one language that n-grams cannot tell apart, told apart by what only one of them writes.

Croatian and Serbian in Latin letters (*ije* against *e*, other names for months), Indonesian and Malay.
"""

from __future__ import annotations

import re

_SERBIAN = re.compile(
    r"\b(?:pred?sed|vrem|posle|bezbed|obezbe|evrop|izvešt|gde|negde|uvek|mest[aou]|namešt|de[ct][aeu]\b|dete|devoj|lep[aeiou]\b|svet|sve[dš]o"
    r"|čove|cen[aeiou]m?\b|reš[aei]|sednic|mlek|ver[aeou]|mer[aeiou]m?\b|primen|nedelj|pobed|promen|deo\b|del[aeou]m?\b|uspe[hšv]|poslednj|sledeć"
    r"|ovde|opšt|uopšte|takođe\b|šta\b|ko\b|ceo\b|cel[aeiou]\b|dve\b|obe\b|hteo|živeo|saopšt|učestv|savet|zahtev|sever|vredn|hiljad|nemačk"
    r"|fudbal|univerzitet|hemij|juče\b|januar|februar|mart[au]?\b|april|avgust|septemb|oktob|novemb|decemb|evr[ao]\b|srbij|srpsk|beograd"
    r"|vučić|nepoštov|ovlašć|lečen|bole[sv]|trebov|vest|izneo|sprove)\w*"
)
_CROATIAN = re.compile(
    r"\b(?:pred?sjed|vrijem|vremen|poslije|sigurnos|osigur|europ|izvješ|gdje|negdje|uvijek|mjest|djec|djete|djevoj|lijep|svijet|svjet|čovje|cijen"
    r"|rješ|sjednic|mlijek|vjer|mjer|primjen|tjed|pobjed|promjen|dio\b|dijel|uspje|posljed|sljede|ovdje|opć|uopće|također|tko\b|nitko\b|cijel|dvije"
    r"|obje|htio|živio|priop|sudjel|vijeć|savjet|zahtjev|sjever|vrijed|tisuć|njemač|nogomet|sveučili|kemij|jučer|siječnj|veljač|ožuj|travnj"
    r"|svibnj|lipnj|srpnj|kolovoz|rujn|listopad|studen|prosinc|eur[ao]\b|hrvat|zagreb|tijekom|nijed|bijel|liječ|vijes|donij|provje)\w*"
)
_BOSNIAN = re.compile(r"\b(?:saopć|bosn|bih\b|hercegov|općin|sarajev|sedmic|histor|federacij)\w*")
_MALAY = re.compile(
    r"\b(?:kerana|bahawa|boleh|polis|wang|pejabat|jumaat|isnin|khamis|kerajaan|perdana|malaysia|selepas|semasa|beliau|mahkamah|lumpur|ialah"
    r"|adakah|anda|sila|hospital|peratus|syarikat|rakyat|negeri|sekolah|menteri|syria|iaitu|kepada|daripada|bagi|tersebut|pasukan|ringgit"
    r"|mesti|pautan|pentadbiran|laman|sah|nilai|medan)\b"
)
_INDONESIAN = re.compile(
    r"\b(?:karena|bahwa|bisa|polisi|uang|kantor|jumat|senin|kamis|pemerintah|perdana|indonesia|setelah|usai|saat|pengadilan|jakarta|adalah"
    r"|apakah|silakan|rumah sakit|persen|perusahaan|warga|negara|suriah|yaitu|kepada|dari|bagi|tersebut|tim"
    r"|rupiah|harus|tautan|situs|presiden"
    r"|rusia|amerika|serikat|soal|jadi|tak|sebut|hingga|para|terkait|korban|kata|mengatakan|tewas|diduga|gelar|resmi|manusia|perserikatan|supaya)\b"
)


def standard_of(code: str, lower: str) -> str:
    """Return the standard that `lower`, a lower-cased text in `code` (`hr` or `ms`), is written in."""
    if code == "hr":
        serbian, croatian = len(_SERBIAN.findall(lower)), len(_CROATIAN.findall(lower))
        if serbian > croatian:
            return "sr"
        return "bs" if len(_BOSNIAN.findall(lower)) > 1 else "hr"
    if code == "ms":
        return "ms" if len(_MALAY.findall(lower)) > len(_INDONESIAN.findall(lower)) else "id"
    return code
