"""Recordings: files of real events, read, checked and put into one form, then sent again in their own rhythm."""
