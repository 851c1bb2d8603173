"""Explains the words of the page to a person who reads them for the first time."""

from collections.abc import Mapping

HOOKS: Mapping[str, str] = {
    "identify": "Who is calling?",
    "admit": "May this caller do this, and how much?",
    "observe": "What does the request look like?",
    "judge": "Is it allowed?",
    "route": "Where does it go?",
    "recall": "What should the model be reminded of?",
    "shape": "How should it be asked?",
    "allow_tool": "May the model use this tool?",
    "run_tool": "Run the tool that the model asked for",
    "watch": "May this piece of the answer go out?",
    "review": "Is the whole answer all right?",
    "account": "How many tokens did it take?",
    "record": "Who wants to know of it?",
}

ANSWERS: Mapping[str, str] = {
    "caller": "knows the caller",
    "grant": "lets it in",
    "refusal": "refuses it",
    "signals": "read signals off it",
    "route": "says where to send it",
    "context": "reminds the model",
    "nudge": "changes the request",
    "toolresult": "ran the tool",
    "release": "lets the text out",
    "hold": "waits for more of the text",
    "redact": "hides a part of the text",
    "cut": "ends the answer here",
    "amendment": "changes the answer",
    "retry": "asks for another try",
    "usage": "counted the tokens",
}

SAFETY: Mapping[str, tuple[str, str]] = {
    "strict": ("red", "Strict: safety and verifiable sources first, fewest tools, no speculation."),
    "balanced": ("green", "Balanced: the usual way; helpful and precise, asks when something is unclear."),
    "creative": ("blue", "Creative: explores freely within the rules, and labels its assumptions."),
}

OUTCOMES: Mapping[str, tuple[str, str]] = {
    "answered": ("green", "The answer went out whole."),
    "refused": ("amber", "The gateway decided not to carry the request or the answer."),
    "upstream_error": ("red", "The model server failed or could not be reached."),
    "client_gone": ("amber", "The caller closed the connection before the end."),
    "cut": ("red", "The answer broke off in the middle."),
    "stopped": ("amber", "The gateway was stopped in the middle of it."),
    "failed": ("red", "A fault of the gateway itself."),
    "lost": ("red", "The gateway's process ended before the answer did."),
}

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("exchange", "One request to a model and its answer, with all that was decided on the way."),
    ("caller", "Who sent the request, by a name that gives no secret away."),
    ("tier", "What a caller may do, from T1 (least) to T5."),
    ("model server", "Where the model runs: the upstream behind this gateway."),
    ("plugin", "A part of the gateway that answers questions about the exchange, such as whether it is allowed."),
    ("hook", "One such question; the plugins are asked in a fixed order."),
    ("signal", "Something read off the request, as a level between 0 and 1, such as how risky it looks."),
    ("safety mode", "How carefully the model was asked: strict, balanced or creative."),
    ("shadow", "Worked out and written down, but not done."),
    ("degraded", "Something was missing or broke on the way, and the exchange went on without it."),
    ("token", "A piece of text of about four characters, by which models are paid."),
)
