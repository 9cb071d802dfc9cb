"""The plain pages for people in a browser, and what the API shares with them: cookies, CSRF."""
