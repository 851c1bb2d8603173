"""Looks the locked packages up in the list of known faults, and writes their bill of materials (CycloneDX).

python -m tests.security.audit_lock TOOLS FOLDER, where TOOLS has pip-audit and cyclonedx-py. Exit status: 0 nothing
is known, 1 something is, 3 it could not be found out, as without the network.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
LOCK = ROOT / "requirements" / "run.txt"
FINE, FAULTY, UNKNOWN = 0, 1, 3


def verdict(report: dict[str, Any] | None) -> tuple[int, list[str]]:
    """Gives the exit status and the lines to say of what pip-audit reports; None where it gave no report."""
    packages = report["dependencies"] if report else []
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    faults = [
        f"{each['name']} {each['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no version'}"
        for each in packages
        for fault in each.get("vulns", ())
    ]
    if faults:
        return FAULTY, [f"KNOWN FAULTS: {len(faults)}", *faults]
    if not packages or skipped:
        looked = len(packages) - len(skipped)
        missing = f"; not found: {', '.join(skipped)}" if skipped else ""
        return UNKNOWN, [
            f"NOT AUDITED: {looked} of {len(packages)} packages could be looked up{missing}.",
            "The list of known faults could not be asked; is there a network?",
        ]
    return FINE, [f"No fault is known of {len(packages)} packages."]


def reported(tools: Path) -> dict[str, Any] | None:
    """Asks pip-audit; None where it could not ask anybody."""
    command = [str(tools / "pip-audit"), "-r", str(LOCK), "--require-hashes", "--disable-pip", "-f", "json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    try:
        report: dict[str, Any] = json.loads(ran.stdout)
    except ValueError:
        return None
    return report


def bill_of_materials(tools: Path, folder: Path) -> Path:
    """Writes the packages of the lock, each with its version and hashes; it needs no network."""
    folder.mkdir(exist_ok=True)
    to = folder / "sbom.cdx.json"
    project = ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible"]
    command = [str(tools / "cyclonedx-py"), "requirements", *project, "-o", str(to), str(LOCK)]
    subprocess.run(command, check=True, timeout=600)
    return to


def main(tools: Path, folder: Path) -> int:
    """Says what is known, and where the bill lies."""
    bill = bill_of_materials(tools, folder)
    print(f"{bill}: {len(json.loads(bill.read_text())['components'])} packages")
    status, lines = verdict(reported(tools))
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
