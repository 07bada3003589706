"""What brings Changming up, proves it and measures it: set-up, private cluster, children, checks.

Belongs here: everything about the machine and the processes. Does not belong here: any rule of
gas, dispatch or tenancy. This file, `checkout`, `machine`, `steps`, `environment` and `prepare`
use the standard library only, because they run before the virtual environment exists.
"""
