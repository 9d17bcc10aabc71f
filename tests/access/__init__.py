"""Random trees, memberships, principals and queries: what each principal gets, against a filter that knows no SQL."""
