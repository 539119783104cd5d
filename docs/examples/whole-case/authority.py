"""Play a time-stamping authority (RFC 3161): make its keys in a folder, or stamp a digest with them.

    python authority.py FOLDER
    python authority.py FOLDER DIGEST FILE

The second line writes a token over the digest into the file.
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
