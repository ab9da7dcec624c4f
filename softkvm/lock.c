/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaving the lock is a plain store: whoever waits for a vCPU, which is rare and may take as long as the guest
 * runs, looks again by itself.
 */
#include <time.h>

#include "soft.h"

#define AGAIN_FIRST 1000 /* ns */
#define AGAIN_LAST  1000000

static __thread char self;

static bool is_mine(const struct soft_lock *lock)
{
	/* Nobody but this thread writes what it takes here for its own. */
	return atomic_load_explicit(&lock->owner, memory_order_relaxed) == (uintptr_t)&self;
}

bool soft_trylock(struct soft_lock *lock)
{
	uintptr_t nobody = 0;

	if (!is_mine(lock) &&
	    !atomic_compare_exchange_strong_explicit(&lock->owner, &nobody, (uintptr_t)&self,
						     memory_order_acquire, memory_order_relaxed))
		return false;
	lock->depth++;
	return true;
}

void soft_lock(struct soft_lock *lock)
{
	struct timespec again = {.tv_nsec = AGAIN_FIRST};

	while (!soft_trylock(lock)) {
		nanosleep(&again, NULL);
		if (again.tv_nsec < AGAIN_LAST)
			again.tv_nsec *= 2;
	}
}

void soft_unlock(struct soft_lock *lock)
{
	if (!--lock->depth)
		atomic_store_explicit(&lock->owner, 0, memory_order_release);
}
