/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"

_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2 && sizeof(atomic_uint) == 4,
	       "two processes share these, and a futex is one of them");

static void initialise(struct shim_channel *channel)
{
	channel->magic = SHIM_MAGIC;
	channel->version = SHIM_VERSION;
	for (unsigned i = 0; i < SHIM_MESSAGES; i++)
		atomic_init(&channel->queue[i].turn, i);
}

static struct shim_channel *map(int fd)
{
	void *channel = mmap(NULL, sizeof(struct shim_channel), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return channel == MAP_FAILED ? NULL : channel;
}

struct shim_channel *shim_channel_make(int *fd)
{
	struct shim_channel *channel = NULL;
	int saved;

	*fd = memfd_create("salvage-wrap", MFD_CLOEXEC);
	if (*fd < 0)
		return NULL;
	if (!ftruncate(*fd, sizeof(*channel)))
		channel = map(*fd);
	if (!channel) {
		saved = errno;
		close(*fd);
		errno = saved;
		return NULL;
	}
	initialise(channel);
	return channel;
}

struct shim_channel *shim_channel_map(int fd)
{
	struct shim_channel *channel;
	struct stat status;

	if (fstat(fd, &status) || status.st_size != sizeof(*channel))
		return NULL;
	channel = map(fd);
	if (channel && (channel->magic != SHIM_MAGIC || channel->version != SHIM_VERSION)) {
		munmap(channel, sizeof(*channel));
		channel = NULL;
	}
	return channel;
}

/* Returns at the latest then; why does not matter to anybody. */
static void futex_wait(atomic_uint *word, unsigned value, unsigned milliseconds)
{
	const struct timespec timeout = {milliseconds / 1000, milliseconds % 1000 * 1000000L};

	syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
}

static void futex_wake(atomic_uint *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void shim_channel_ring(struct shim_channel *channel)
{
	atomic_fetch_add(&channel->bell, 1);
	if (atomic_load(&channel->sleeping))
		futex_wake(&channel->bell);
}

bool shim_channel_put(struct shim_channel *channel, const struct shim_message *message, unsigned *position)
{
	unsigned head = atomic_load(&channel->head);

	for (;;) {
		int ahead = (int)(atomic_load_explicit(&channel->queue[head % SHIM_MESSAGES].turn,
						       memory_order_acquire) -
				  head);

		if (ahead < 0) {
			atomic_fetch_add(&channel->dropped, 1);
			return false;
		}
		if (ahead > 0)
			head = atomic_load(&channel->head);
		else if (atomic_compare_exchange_weak(&channel->head, &head, head + 1))
			break;
	}
	channel->queue[head % SHIM_MESSAGES].message = *message;
	atomic_store_explicit(&channel->queue[head % SHIM_MESSAGES].turn, head + 1, memory_order_release);
	shim_channel_ring(channel);
	if (position)
		*position = head;
	return true;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool shim_channel_wait(struct shim_channel *channel, unsigned position, unsigned milliseconds)
{
	uint64_t until = now_ms() + milliseconds, now;
	unsigned tail;

	atomic_fetch_add(&channel->waiting, 1);
	while ((int)((tail = atomic_load(&channel->tail)) - position) <= 0 &&
	       atomic_load(&channel->vain) != (uint64_t)tail + 1 && (now = now_ms()) < until)
		futex_wait(&channel->tail, tail, (unsigned)(until - now));
	atomic_fetch_sub(&channel->waiting, 1);
	if ((int)(tail - position) > 0)
		return true;
	if (milliseconds)
		atomic_store(&channel->vain, (uint64_t)tail + 1);
	return false;
}

static bool is_full(const struct shim_channel *channel, unsigned tail)
{
	return atomic_load_explicit(&channel->queue[tail % SHIM_MESSAGES].turn, memory_order_acquire) ==
	       tail + 1;
}

const struct shim_message *shim_channel_next(struct shim_channel *channel, unsigned milliseconds)
{
	unsigned tail = atomic_load(&channel->tail), bell = atomic_load(&channel->bell);

	if (!is_full(channel, tail)) {
		atomic_store(&channel->sleeping, true);
		if (!is_full(channel, tail))
			futex_wait(&channel->bell, bell, milliseconds);
		atomic_store(&channel->sleeping, false);
	}
	return is_full(channel, tail) ? &channel->queue[tail % SHIM_MESSAGES].message : NULL;
}

void shim_channel_done(struct shim_channel *channel)
{
	unsigned tail = atomic_load(&channel->tail);

	atomic_store_explicit(&channel->queue[tail % SHIM_MESSAGES].turn, tail + SHIM_MESSAGES,
			      memory_order_release);
	atomic_store(&channel->tail, tail + 1);
	if (atomic_load(&channel->waiting))
		futex_wake(&channel->tail);
}
