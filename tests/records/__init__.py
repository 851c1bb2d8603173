"""Records through a running gateway: workers write them, the office answers, SDK, HTTP and command line ask."""
