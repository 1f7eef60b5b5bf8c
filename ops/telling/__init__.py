"""The log told to people and programs: names for numbers, words for codes, the history of an order."""
