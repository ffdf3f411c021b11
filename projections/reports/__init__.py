"""Reports: what the projections say, each one a query file of `queries/`, typed.

Every report cuts at as-of, the smallest settled clock over the projected partitions; nothing here asks what
time it is. The same facts and the same as-of give the same numbers, in whatever order and however often the
facts came.
"""

from projections.reports.comparing import COMPARED, CompareRow, Comparison, compare
from projections.reports.journeys import JOURNEY_DIMENSIONS, CohortRow, FunnelRow, cohort, funnel
from projections.reports.messages import (
    MESSAGE_DIMENSIONS,
    SLA_DIMENSIONS,
    MessagesRow,
    SlaRow,
    messages,
    sla,
)
from projections.reports.scope import QUERIES, Report, ReportRow, Scope, as_of
from projections.reports.sends import SEND_DIMENSIONS, DeliveryRow, SuppressionsRow, delivery, suppressions
from projections.reports.waits import (
    WAIT_DIMENSIONS,
    CurvePoint,
    HeatmapRow,
    ResponseRateRow,
    TimeToResponseRow,
    TrendRow,
    WaitingRow,
    heatmap,
    response_rate,
    time_to_response,
    trend,
    waiting,
)

__all__ = [
    "COMPARED",
    "JOURNEY_DIMENSIONS",
    "MESSAGE_DIMENSIONS",
    "QUERIES",
    "SEND_DIMENSIONS",
    "SLA_DIMENSIONS",
    "WAIT_DIMENSIONS",
    "CohortRow",
    "CompareRow",
    "Comparison",
    "CurvePoint",
    "DeliveryRow",
    "FunnelRow",
    "HeatmapRow",
    "MessagesRow",
    "Report",
    "ReportRow",
    "ResponseRateRow",
    "Scope",
    "SlaRow",
    "SuppressionsRow",
    "TimeToResponseRow",
    "TrendRow",
    "WaitingRow",
    "as_of",
    "cohort",
    "compare",
    "delivery",
    "funnel",
    "heatmap",
    "messages",
    "response_rate",
    "sla",
    "suppressions",
    "time_to_response",
    "trend",
    "waiting",
]
