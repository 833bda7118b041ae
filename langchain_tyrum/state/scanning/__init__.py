"""Finds, and repairs, raw values in durable state that exists already."""

from langchain_tyrum.state.scanning.report import ScanFinding, ScanReport
from langchain_tyrum.state.scanning.targets import scan_checkpoints

__all__ = ["ScanFinding", "ScanReport", "scan_checkpoints"]
