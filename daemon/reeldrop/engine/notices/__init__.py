"""The notices: who is told what becomes of jobs and of the queue, once each, without holding anything up."""

from reeldrop.engine.notices.board import Notices

__all__ = ["Notices"]
