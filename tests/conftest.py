import os

# Before torch is imported: the tests' networks are tiny, and several threads that wait for one another on a busy
# machine take them many times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
