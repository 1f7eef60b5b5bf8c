"""Messages into commands, a file a message.

The dictionary has checked their form, here they become ticks, lots and numbers. What cannot be expressed becomes a
RefuseOrder, so that its rejection is sequenced like any other; what not even that can carry is answered on the session
by a BusinessMessageReject.
Source: rules of engagement, sections 3, 5, 6 and 11.
"""
