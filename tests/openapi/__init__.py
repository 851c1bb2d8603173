"""Makes things from the OpenAI document, which stays outside the repository."""
