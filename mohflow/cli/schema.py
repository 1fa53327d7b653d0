"""``mohflow schema``: the JSON Schema of configuration files."""

from __future__ import annotations

import argparse
import json

from mohflow.settings.schema import json_schema


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell *parser* what the command takes."""
    parser.description = (
        "Print the JSON Schema of configuration files. With it an editor\n"
        "completes and checks them."
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "examples:\n"
        "  mohflow schema\n"
        "  mohflow schema > mohflow.schema.json\n"
        "then, as the first line of the file that has the settings:\n"
        "  #:schema ./mohflow.schema.json                             (TOML)\n"
        "  # yaml-language-server: $schema=./mohflow.schema.json      (YAML)\n"
        '  "$schema": "./mohflow.schema.json" as the first name       (JSON)'
    )


def run(options: argparse.Namespace) -> int:
    """Print the schema."""
    print(json.dumps(json_schema(), indent=2))
    return 0
