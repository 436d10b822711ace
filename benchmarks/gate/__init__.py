"""Is this build slower than that one?  Instructions counted, not seconds.

Fixed workloads run under callgrind, and what is counted is the instructions that
execute in fastl1's own shared objects: two counts of one build agree to about 0.015 %,
where seconds differ by factors on a busy machine.  Blind to caches, threads and
AVX-512, which valgrind does not know: ``wall`` and ``asv_bench/`` have the seconds.

python -m benchmarks.gate run                    this tree against the commit before
python -m benchmarks.gate count --package DIR --out counts.json
python -m benchmarks.gate compare BASE.json HEAD.json
python -m benchmarks.gate wall --base DIR --head DIR
"""
