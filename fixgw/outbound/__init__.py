"""Reports and answers as FIX text, a file a message.

Order entry and drop copy send the same body; QuickFIX puts the header before it and sorts the fields by tag.
Source: rules of engagement, section 7.
"""
