"""The intake: how the files of one watch become drops, and drops become jobs."""

from reeldrop.engine.intake.look import Intake
from reeldrop.engine.intake.terms import Watch

__all__ = ["Intake", "Watch"]
