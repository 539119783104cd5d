"""Play a time-stamping authority (RFC 3161) with the keys in a folder: make it, or stamp a digest.

    python authority.py FOLDER
    python authority.py FOLDER DIGEST FILE
"""

import sys
from pathlib import Path

from fpframe.redteam.authority import Authority

folder, *words = sys.argv[1:]
if words:
    digest, file = words
    Path(file).write_bytes(Authority(Path(folder)).stamp(digest))
elif Authority.make(Path(folder)) is None:
    sys.exit("this needs OpenSSL: install it, and try again")
