"""Prints the parameters that samconfig.toml gives a stage, one NAME=VALUE a line; those named after the stage come instead or besides.

`sam deploy --parameter-overrides` takes the place of what samconfig.toml says, so whoever adds one parameter must give all.
"""

import shlex
import sys
import tomllib
from pathlib import Path


def of_stage(stage):
    settings = tomllib.loads(Path("samconfig.toml").read_text(encoding="utf-8"))
    if stage not in settings:
        sys.exit(f"samconfig.toml knows no stage {stage}")
    given = settings[stage]["deploy"]["parameters"].get("parameter_overrides", [])
    # SAM takes a list, or one text in the words of a shell.
    words = shlex.split(given) if isinstance(given, str) else given
    return dict(word.split("=", 1) for word in words)


def main(stage, *besides):
    parameters = of_stage(stage) | dict(word.split("=", 1) for word in besides)
    for name, value in parameters.items():
        # A value goes through SAM's own reading of quotes once more.
        print(f"{name}={shlex.quote(value) if value != '' else repr(value)}")


main(*sys.argv[1:])
