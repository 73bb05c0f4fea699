"""Number series: read from a table, written as digits, and read from digits again."""
