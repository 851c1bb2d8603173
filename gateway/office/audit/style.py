"""How the audit pages look, the few lines of script they carry, and the headers that let them do nothing else."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --card: #fff; --ink: #1b2330; --soft: #566071; --line: #dde1e7; --code: #eef0f4;
  --red: #b3261e; --red-soft: #fce8e6; --green: #17693b; --green-soft: #e2f3e8; --blue: #1a56b0; --blue-soft: #e4edfb;
  --amber: #8a5300; --amber-soft: #fdf0d8; --bar: #4f74c8; --wait: #b9c6df; --receive: #2c8a5a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12161c; --card: #1b212a; --ink: #e6e9ee; --soft: #a3adbb; --line: #333c48; --code: #262d38;
    --red: #ff9d94; --red-soft: #43211f; --green: #7fd3a2; --green-soft: #183325; --blue: #9dc1ff;
    --blue-soft: #1b2d4b; --amber: #f3c176; --amber-soft: #3d2e14; --bar: #86a5ee; --wait: #46536b; --receive: #58b987;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
header.top { margin-bottom: 1.25rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .2rem 0 .6rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 0 0 .7rem; }
section, details.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1rem 1.2rem; margin: 0 0 1rem; }
section > :last-child, .story p:last-child { margin-bottom: 0; }
.story p { margin: 0 0 .5rem; max-width: 46rem; }
.quiet { color: var(--soft); font-size: .9rem; margin: .2rem 0; }
code, pre, .id { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .86em; overflow-wrap: anywhere;
  unicode-bidi: isolate; }
.id { color: var(--soft); }
pre { background: var(--code); border-radius: 8px; padding: .8rem 1rem; margin: .5rem 0; overflow: auto;
  max-height: 32rem; white-space: pre-wrap; }
.chips { display: flex; flex-wrap: wrap; gap: .45rem; margin: .3rem 0 .6rem; padding: 0; list-style: none; }
.badges { margin: .3rem 0 .6rem; padding: 0; list-style: none; }
.badges li { display: flex; flex-wrap: wrap; gap: .1rem .6rem; align-items: baseline; margin: .35rem 0; }
.badge, .chip { border-radius: 99px; padding: .1rem .7rem; font-size: .86rem; font-weight: 600;
  background: var(--code); color: var(--ink); border: 1px solid transparent; overflow-wrap: anywhere; }
.chip { font-weight: 500; }
.red { background: var(--red-soft); color: var(--red); border-color: currentColor; }
.green { background: var(--green-soft); color: var(--green); border-color: currentColor; }
.blue { background: var(--blue-soft); color: var(--blue); border-color: currentColor; }
.amber { background: var(--amber-soft); color: var(--amber); border-color: currentColor; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .8rem 1.4rem; margin: 0; }
.facts dt { color: var(--soft); font-size: .82rem; }
.facts dd { margin: 0; overflow-wrap: anywhere; unicode-bidi: isolate; }
.scroll { overflow-x: auto; }
.scroll:focus-visible, summary:focus-visible, button:focus-visible, a:focus-visible { outline: 2px solid var(--blue);
  outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody tr:last-child > * { border-bottom: 0; }
th { color: var(--soft); font-weight: 600; font-size: .82rem; }
tbody th { color: var(--ink); font-size: inherit; }
td { unicode-bidi: isolate; overflow-wrap: break-word; min-width: 5rem; max-width: 28rem; }
td:last-child { min-width: 12rem; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
thead th { white-space: nowrap; }
summary { cursor: pointer; font-weight: 600; }
details details, section details { margin-top: .7rem; }
.copied { display: flex; gap: .8rem; align-items: flex-start; }
.copied pre { flex: 1; }
button { font: inherit; font-size: .86rem; margin-top: .5rem; padding: .35rem .9rem; border-radius: 8px;
  border: 1px solid var(--line); background: var(--code); color: var(--ink); cursor: pointer; white-space: nowrap; }
svg { display: block; width: 100%; min-width: 36rem; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); }
svg .name { text-anchor: end; font-size: 12.5px; }
svg .took { font-size: 12px; fill: var(--soft); }
svg .tick { text-anchor: middle; fill: var(--soft); font-size: 11px; }
svg .grid { stroke: var(--line); }
svg .bar.hook { fill: var(--bar); } svg .bar.fault { fill: var(--red); }
svg .bar.wait { fill: var(--wait); } svg .bar.receive { fill: var(--receive); }
svg .box rect { fill: var(--code); stroke: var(--line); }
svg .box.signal rect { fill: var(--amber-soft); stroke: var(--amber); }
svg .box.parameter rect { fill: var(--blue-soft); stroke: var(--blue); }
svg .box.answer rect { fill: var(--green-soft); stroke: var(--green); }
svg .box.shadow rect { stroke-dasharray: 4 3; }
svg .label { text-anchor: middle; font-weight: 600; } svg .says { text-anchor: middle; font-size: 11px; }
svg .edge { fill: none; stroke: var(--soft); stroke-width: 1.5; } svg .edge.shadow { stroke-dasharray: 4 3; }
svg .track { fill: var(--code); } svg .level { fill: var(--amber); }
td svg { min-width: 6rem; width: 8rem; display: inline-block; vertical-align: middle; }
.key { display: flex; flex-wrap: wrap; gap: 1.2rem; color: var(--soft); font-size: .84rem; margin: .4rem 0 0;
  padding: 0; list-style: none; }
.key svg { display: inline-block; width: .8rem; min-width: 0; margin-right: .35rem; }
dl.words dt { font-weight: 600; margin-top: .6rem; } dl.words dd { margin: 0; }
.note { border: 1px solid; border-radius: 8px; padding: .5rem .8rem; }
form { display: grid; gap: .4rem; max-width: 26rem; margin: 1rem 0; }
label { font-weight: 600; }
input { font: inherit; padding: .5rem .7rem; border-radius: 8px; border: 1px solid var(--soft);
  background: var(--ground); color: var(--ink); }
form button { justify-self: start; }
@media print { body { background: none; } button { display: none; } }
"""

# Buttons are made by the script, so that a page without scripts has none that do nothing.
SCRIPT = """
for (const block of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy the command: " + block.dataset.copy);
  button.addEventListener("click", async () => {
    const text = block.querySelector("code").textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(block.querySelector("code"));
      button.textContent = "Selected";
    }
  });
  block.append(button);
}
"""


def page_headers(*, form: bool = False) -> Mapping[str, str]:
    """Gives the headers of a page: it may use its own style and script, known by their hashes, and nothing else.

    With `form` it may be sent to where it came from.
    """
    sent_to = "'self'" if form else "'none'"
    policy = (
        f"default-src 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; "
        f"base-uri 'none'; form-action {sent_to}; frame-ancestors 'none'"
    )
    return {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
    }


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
