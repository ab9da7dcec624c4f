/* SPDX-License-Identifier: BSD-2-Clause */
/* U. Drepper, "Futexes Are Tricky" (2011), the second mutex, and an owner. */
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "soft.h"

static __thread char self;

static void wait(struct soft_lock *lock)
{
	uint32_t before;

	while ((before = atomic_exchange_explicit(&lock->state, 2, memory_order_acquire)) != 0)
		syscall(SYS_futex, &lock->state, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
}

static bool take(struct soft_lock *lock)
{
	uint32_t expected = 0;

	return atomic_compare_exchange_strong_explicit(&lock->state, &expected, 1, memory_order_acquire,
						       memory_order_relaxed);
}

/* Nobody but the owner itself writes what it reads here as its own. */
static bool is_mine(const struct soft_lock *lock)
{
	return atomic_load_explicit(&lock->owner, memory_order_relaxed) == (uintptr_t)&self;
}

static void own(struct soft_lock *lock)
{
	atomic_store_explicit(&lock->owner, (uintptr_t)&self, memory_order_relaxed);
	lock->depth = 1;
}

void soft_lock(struct soft_lock *lock)
{
	if (is_mine(lock)) {
		lock->depth++;
		return;
	}
	if (!take(lock))
		wait(lock);
	own(lock);
}

bool soft_trylock(struct soft_lock *lock)
{
	if (is_mine(lock)) {
		lock->depth++;
		return true;
	}
	if (!take(lock))
		return false;
	own(lock);
	return true;
}

void soft_unlock(struct soft_lock *lock)
{
	if (--lock->depth)
		return;
	atomic_store_explicit(&lock->owner, 0, memory_order_relaxed);
	if (atomic_exchange_explicit(&lock->state, 0, memory_order_release) == 2)
		syscall(SYS_futex, &lock->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
