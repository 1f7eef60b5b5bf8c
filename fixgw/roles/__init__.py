"""What a gateway can be: a role is what it takes from members, and which reports go where. One process has one."""
