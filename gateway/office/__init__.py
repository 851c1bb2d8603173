"""The office: everything that is not the model API, in a process of its own, as one Litestar application."""
