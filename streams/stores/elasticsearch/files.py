"""Writes the files of `deploy/elasticsearch`: `python -m streams.stores.elasticsearch.files FOLDER`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from streams.stores.elasticsearch.options import ElasticsearchOptions
from streams.stores.elasticsearch.template import index_template, side_templates

_OPTIONS = ElasticsearchOptions(url="http://127.0.0.1:9200")


def roles(options: ElasticsearchOptions = _OPTIONS) -> dict[str, Any]:
    """Return the least rights that each kind of process needs."""
    names = [options.index_pattern, options.stories_index, options.trends_index, options.alerts_index]
    read = ["read", "view_index_metadata"]
    return {
        "rasad-worker": {
            "cluster": ["monitor"],
            "indices": [{"names": names, "privileges": [*read, "index", "delete", "auto_configure"]}],
        },
        "rasad-reader": {"cluster": ["monitor"], "indices": [{"names": names, "privileges": read}]},
        "rasad-admin": {
            "cluster": ["monitor", "manage_index_templates", "manage_ilm"],
            "indices": [{"names": names, "privileges": [*read, "manage", "delete"]}],
        },
    }


def contents() -> dict[str, str]:
    """Return the files by name."""
    bodies = {"index-template.json": index_template(_OPTIONS, lifecycle=False), "roles.json": roles()}
    for name, body in side_templates(_OPTIONS).items():
        bodies[f"{name.removeprefix(_OPTIONS.index_prefix + '-')}-template.json"] = body
    return {name: json.dumps(body, indent=2, ensure_ascii=False) + "\n" for name, body in bodies.items()}


def main() -> None:
    """Write them into the folder that the command line names."""
    for name, text in contents().items():
        (Path(sys.argv[1]) / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
