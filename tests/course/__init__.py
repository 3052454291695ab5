"""Tests of the notebooks: the contract, the source's claims, and what their comparison notices."""
