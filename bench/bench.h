/* SPDX-License-Identifier: BSD-2-Clause */
/* What the benchmarks share. Each prints its table on standard output and returns an exit status. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int bench_decode(void);
int bench_abort(void);
int bench_translate(void);
int bench_exit(void);
int bench_ras(void);
int bench_softkvm(void);
int bench_cpu(void);

/* Part of bench_ras: ras is fresh, and has a journal. False: what was measured was not what it says. */
struct sv_ras;
bool bench_sea(struct sv_ras *ras);

/* Prints why a benchmark measured nothing; returns its exit status. */
int bench_fail(const char *name, const char *why);

/* How many heap allocations the salvage command has made so far; those inside libc do not count. */
uint64_t bench_allocations(void);

/* Nanoseconds of processor time of this thread: other programs on the machine do not count. */
uint64_t bench_now(void);

/* The median of count values, which are sorted in place. */
double bench_median(double *values, size_t count);

/* xorshift64*: the same stream on every machine. *state must not be 0. */
uint64_t bench_random(uint64_t *state);

#endif
