"""What people said of the flags, and which measures began: read for reports and by the choices of a training.

Kept apart on purpose: no feature can read it, since a judgement follows a flag and would feed it back.
"""

from __future__ import annotations

from decrochage_risk.feedback.responses import Feedback, FeedbackRow, judged_flags, read_feedback

__all__ = ["Feedback", "FeedbackRow", "judged_flags", "read_feedback"]
