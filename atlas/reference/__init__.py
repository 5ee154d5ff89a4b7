"""What every installation needs: provinces, the calendar, channels, accounts.

In: nothing. Out: rows with their parents' codes for ids. Knows no database.
"""
