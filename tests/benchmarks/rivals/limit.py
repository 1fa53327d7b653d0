"""What nothing can undercut: render the finished dict, write the line."""

import os

import orjson
import standard


PACKAGES = ("orjson",)


def setup(folder):
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    descriptor = os.open(folder / "limit.log", flags, 0o600)
    fields = dict(standard.FINISHED)

    def event(first, last):
        for n in range(first, last):
            fields["path"] = f"/api/v1/login/{n}"
            line = orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
            os.write(descriptor, line)

    return {"event": event}
