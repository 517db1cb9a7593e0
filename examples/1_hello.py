# How do I see my script run again on every save?
#
#     hotload examples/1_hello.py          (or, without installing: python3 hotload.py examples/1_hello.py)
#
# Then change a number and save. Ctrl-C ends it. The script knows nothing of hotload: plain Python runs it too.

x = 3
y = 4

print("%d squared and %d squared make %d" % (x, y, x * x + y * y))

# Output:
# 3 squared and 4 squared make 25
