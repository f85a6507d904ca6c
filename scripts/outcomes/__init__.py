"""Outcomes, per LA: who enters each research question, when their clock starts, and what happened to them."""
