/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts what salvage itself allocates: the command is linked with --wrap for these three. */
#include <stdatomic.h>
#include <stdlib.h>

#include "bench.h"

static _Atomic uint64_t allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
	atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
	return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
	return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
	return __real_realloc(old, size);
}

uint64_t bench_allocations(void)
{
	return atomic_load_explicit(&allocations, memory_order_relaxed);
}
