"""Checks a proof of `lukhas audit prove`: that one bundle stands in a journal, unchanged, under a signed root.

    python verify_proof.py PROOF.json [PUBLIC_KEY]

It needs Python's standard library alone, and nothing of the gateway. PUBLIC_KEY is the text of `keys/journal.pub`
as you got it from the operator, on another way than the proof; without it the key in the proof is taken, which shows
that the proof fits together, and not who signed it. The signature is checked by the `openssl` command (3.0 or
newer); where you name a key, a signature that cannot be checked is none. Exit code: 0 proven, 1 not proven, 2 wrong
use, such as a key that is empty because its file is.
"""

import base64
import binascii
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FORMAT = "lukhas journal proof 1"
# What stands before an Ed25519 public key in DER (RFC 8410).
DER = bytes.fromhex("302a300506032b6570032100")
PURPOSE = b"lukhas journal root 1\n"


class NotProven(Exception):
    """The proof does not hold; the message says where."""


def check(proof: dict[str, object], public_key: str | None = None) -> list[str]:
    """Gives what was proven, a sentence each. Errors: NotProven."""
    if proof.get("format") != FORMAT:
        raise NotProven(f"This is no {FORMAT!r}.")
    line, root_line = str(proof["line"]), str(proof["root_line"])
    seal = _seal_of(line, _bytes(proof["before"]))
    event = json.loads(line)
    if event.get("audit_id") != proof["audit_id"]:
        raise NotProven(f"The line is about {event.get('audit_id')}, not about {proof['audit_id']}.")
    said = [f"The line of {proof['audit_id']} has the seal that its {len(line.encode())} bytes give."]

    root = json.loads(root_line)
    path = proof["path"]
    if not isinstance(path, list):
        raise NotProven("The path is no list.")
    if root.get("event") != "root" or root.get("count") != proof["count"]:
        raise NotProven("The root is over another number of lines.")
    if _climb(seal, _number(proof["index"]), _number(proof["count"]), [_bytes(node) for node in path]) != _bytes(
        root["root"]
    ):
        raise NotProven("The path from the seal does not lead to the root.")
    said.append(f"It is line {_number(proof['index']) + 1} of the {proof['count']} under the root {root['root']}.")

    key = proof.get("public_key") if public_key is None else public_key
    if root.get("signature") is None or key is None:
        if public_key is not None:
            raise NotProven("The root is not signed.")
        said.append("The signature was not checked: the root is not signed, or there is no public key.")
        return said
    # The signature covers the line of the root up to itself.
    signed = PURPOSE + root_line.rpartition(',"signature":')[0].encode()
    held = _signature_holds(_bytes(key), signed, _bytes(root["signature"]))
    if held is None and public_key is not None:
        raise NotProven("The signature cannot be checked: no `openssl` command (3.0 or newer) takes this key.")
    if held is None:
        said.append("The signature was not checked: there is no `openssl` command (3.0 or newer).")
    elif not held:
        raise NotProven("The root was not signed with this key.")
    else:
        whose = (
            "the key that you named"
            if public_key is not None
            else "the key in the proof; compare it with the operator's"
        )
        said.append(f"The root is signed with {whose}.")
    return said


def _seal_of(line: str, before: bytes) -> bytes:
    """Gives the seal of a line if it is the right one: SHA-256 of the seal before it and of the line up to its own."""
    body, mark, rest = line.rpartition(',"seal":"')
    seal = hashlib.sha256(before + body.encode()).digest()
    if not mark or rest != _text(seal) + '"}':
        raise NotProven("The seal of the line is not the one that its bytes give.")
    return seal


def _climb(seal: bytes, index: int, count: int, path: list[bytes]) -> bytes:
    """Gives the root that a path leads to (RFC 9162, section 2.1.3.2)."""
    node, last = hashlib.sha256(b"\x00" + seal).digest(), count - 1
    if not 0 <= index < count:
        raise NotProven("The tree has no such leaf.")
    for beside in path:
        if last == 0:
            raise NotProven("The path is too long.")
        if index % 2 or index == last:
            node = hashlib.sha256(b"\x01" + beside + node).digest()
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            node = hashlib.sha256(b"\x01" + node + beside).digest()
        index, last = index // 2, last // 2
    if last:
        raise NotProven("The path is too short.")
    return node


def _signature_holds(key: bytes, message: bytes, signature: bytes) -> bool | None:
    """Asks openssl; None where it cannot be asked."""
    openssl = shutil.which("openssl")
    if openssl is None or len(key) != 32:
        return None if openssl is None else False
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("key", "message", "signature")]
        for path, content in zip(paths, (DER + key, message, signature), strict=True):
            path.write_bytes(content)
        arguments = ["-pubin", "-keyform", "DER", "-inkey", str(paths[0]), "-rawin", "-in", str(paths[1])]
        command = [openssl, "pkeyutl", "-verify", *arguments, "-sigfile", str(paths[2])]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if answer.returncode == 0 and "Verified Successfully" in answer.stdout:
        return True
    return False if "Signature Verification Failure" in answer.stdout + answer.stderr else None


def _bytes(text: object) -> bytes:
    if not isinstance(text, str):
        raise NotProven("A value that should be text is not.")
    try:
        value = base64.urlsafe_b64decode(text.strip() + "=" * (-len(text.strip()) % 4))
    except (binascii.Error, ValueError):
        raise NotProven(f"{text!r} is no base64url.") from None
    if _text(value) != text.strip():
        raise NotProven(f"{text!r} is no base64url.")
    return value


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise NotProven("A value that should be a number is not.")
    return value


def main(arguments: list[str]) -> int:
    """Prints what was proven."""
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    if len(arguments) == 2 and not arguments[1].strip():
        print("The public key is empty: is its file there? Nothing was checked.", file=sys.stderr)
        return 2
    try:
        for sentence in check(json.loads(Path(arguments[0]).read_text("utf-8")), *arguments[1:]):
            print(sentence)
    except NotProven as error:
        print(f"Not proven: {error}", file=sys.stderr)
        return 1
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"Not proven: {arguments[0]} cannot be read as a proof ({error!r}).", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
