"""The page of the metrics."""

from prometheus_client.metrics import MetricWrapperBase

from gateway.metrics import Metrics
from gateway.references.tables import code, table

TITLE = "Metrics"


def page() -> list[str]:
    """Gives the lines."""
    metrics = [each for each in vars(Metrics()).values() if isinstance(each, MetricWrapperBase)]
    return [
        "What `/metrics` gives, summed over all processes. Every label is bounded: endpoint names are those of the",
        "endpoint table, anything else is `other`.",
        "",
        *table(("name", "type", "labels", "what"), [_row(each) for each in metrics]),
    ]


def _row(metric: MetricWrapperBase) -> tuple[str, ...]:
    (family,) = metric.describe()
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = ", ".join(code(label) for label in metric._labelnames)
    return code(name), family.type, labels, family.documentation
