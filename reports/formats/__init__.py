"""Reports in other formats than the page: PDF, Word, workbooks, CSV, Parquet."""
