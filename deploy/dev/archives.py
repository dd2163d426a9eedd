"""Class-data archives (JEP 350): a JVM that maps its classes ready-made starts in half the time.

One run of each service, made once and thrown away, leaves the archive. Without one everything works, only slower.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from deploy.dev.errors import DevStackError
from deploy.dev.jars import Jars, Say, locked
from deploy.dev.services import Elasticsearch, Kafka

_KINDS: dict[str, type[Kafka] | type[Elasticsearch]] = {"kafka": Kafka, "elasticsearch": Elasticsearch}
_DUMP_SECONDS = 120.0


def ensure_archive(name: str, jars: Jars, say: Say) -> None:
    """Makes the archive of one service where it is missing. A failure is told, remembered, and no more than that."""
    target = jars.archive(name)
    failed = target.with_suffix(".failed")
    if target.exists() or failed.exists():
        return
    with locked(jars.folder.parent / "lock", say):
        if target.exists() or failed.exists():
            return
        say(f"preparing faster starts of {name} (once)")
        target.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="rasad-dev-archive-") as folder:
            part = target.with_suffix(".part")
            service = _KINDS[name](Path(folder) / name, jars)
            service.train_archive = part
            try:
                service.start()
                service.stop(grace_seconds=_DUMP_SECONDS)  # the archive is written while the JVM ends
                part.replace(target)
            except (DevStackError, OSError) as error:
                part.unlink(missing_ok=True)
                failed.write_text(f"{error}\n", encoding="utf-8")
                say(f"no faster starts for {name}: {error}")
            finally:
                service.kill()
                shutil.rmtree(service.folder, ignore_errors=True)
