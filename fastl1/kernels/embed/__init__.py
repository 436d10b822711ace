"""What stands behind the C interface of `fastl1/include/fastl1.h`."""
