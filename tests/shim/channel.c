/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue between the shim and its helper. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/check.h"

#include <pthread.h>

#include "../../shim/channel.h"

#define PRODUCERS 4
#define EACH      20000

static struct shim_channel *channel;
static int fd;

static int open_channel(void **state)
{
	channel = shim_channel_make(&fd);
	return !channel;
}

static int close_channel(void **state)
{
	munmap(channel, sizeof(*channel));
	close(fd);
	return 0;
}

static void order(void **state)
{
	struct shim_message message = {.kind = SHIM_NOTICE};
	unsigned position;

	for (int i = 0; i < 3 * SHIM_MESSAGES; i++) {
		message.number = i;
		assert_true(shim_channel_put(channel, &message, &position));
		assert_false(shim_channel_wait(channel, position, 0));
		assert_int_equal(shim_channel_next(channel, 0)->number, i);
		/* It stays until it is done with. */
		assert_int_equal(shim_channel_next(channel, 0)->number, i);
		shim_channel_done(channel);
		assert_true(shim_channel_wait(channel, position, 0));
	}
	assert_null(shim_channel_next(channel, 0));
}

static void full(void **state)
{
	struct shim_message message = {.kind = SHIM_NOTICE};

	for (int i = 0; i < SHIM_MESSAGES; i++) {
		message.number = i;
		assert_true(shim_channel_put(channel, &message, NULL));
	}
	message.number = -1;
	assert_false(shim_channel_put(channel, &message, NULL));
	assert_int_equal(atomic_load(&channel->dropped), 1);
	for (int i = 0; i < SHIM_MESSAGES; i++) {
		assert_int_equal(shim_channel_next(channel, 0)->number, i);
		shim_channel_done(channel);
	}
	assert_null(shim_channel_next(channel, 1));
	assert_true(shim_channel_put(channel, &message, NULL));
}

/* The numbers wrap around after 2^32 messages. */
static void wraps(void **state)
{
	struct shim_message message = {.kind = SHIM_NOTICE};
	unsigned start = UINT32_MAX - SHIM_MESSAGES + 1, position;

	atomic_store(&channel->head, start);
	atomic_store(&channel->tail, start);
	for (unsigned i = 0; i < SHIM_MESSAGES; i++)
		atomic_store(&channel->queue[i].turn, start + i);
	for (int i = 0; i < 3 * SHIM_MESSAGES; i++) {
		message.number = i;
		assert_true(shim_channel_put(channel, &message, &position));
		assert_int_equal(shim_channel_next(channel, 0)->number, i);
		assert_false(shim_channel_wait(channel, position, 0));
		shim_channel_done(channel);
		assert_true(shim_channel_wait(channel, position, 0));
	}
}

/* A helper that is gone is waited for once; one that comes back, again. */
static void in_vain(void **state)
{
	struct shim_message message = {.kind = SHIM_NOTICE};
	unsigned positions[3];

	for (unsigned i = 0; i < 3; i++)
		assert_true(shim_channel_put(channel, &message, &positions[i]));
	assert_false(shim_channel_wait(channel, positions[0], 1));
	for (unsigned i = 0; i < 3; i++)
		assert_false(shim_channel_wait(channel, positions[i], 3600000));
	assert_non_null(shim_channel_next(channel, 0));
	shim_channel_done(channel);
	assert_true(shim_channel_wait(channel, positions[0], 3600000));
	assert_false(shim_channel_wait(channel, positions[1], 1));
	assert_false(shim_channel_wait(channel, positions[2], 3600000));
}

static void *produce(void *opaque)
{
	struct shim_message message = {.kind = SHIM_NOTICE, .vm = (uint32_t)(uintptr_t)opaque};
	unsigned position;

	for (int i = 0; i < EACH; i++) {
		message.number = i;
		message.vcpu = ~i;
		while (!shim_channel_put(channel, &message, &position))
			sched_yield();
		/* Now and then somebody waits, as for a page that is to be on disk. */
		if (i % 1000 == 0 && !shim_channel_wait(channel, position, 10000))
			return "not waited for";
	}
	return NULL;
}

static void many(void **state)
{
	pthread_t producers[PRODUCERS];
	int next[PRODUCERS] = {0};
	void *failure;

	for (uintptr_t i = 0; i < PRODUCERS; i++)
		assert_int_equal(pthread_create(&producers[i], NULL, produce, (void *)i), 0);
	for (unsigned taken = 0; taken < PRODUCERS * EACH;) {
		const struct shim_message *message = shim_channel_next(channel, 10000);

		if (!message)
			continue;
		/* Each producer's own in its order, and whole. */
		assert_int_equal(message->number, next[message->vm]++);
		assert_int_equal(message->vcpu, ~message->number);
		shim_channel_done(channel);
		taken++;
	}
	for (unsigned i = 0; i < PRODUCERS; i++) {
		pthread_join(producers[i], &failure);
		assert_null(failure);
	}
	assert_null(shim_channel_next(channel, 0));
}

/* What is inherited under a number that means something else by then. */
static void maps(void **state)
{
	struct shim_channel *again = shim_channel_map(fd);
	int null = open("/dev/null", O_RDWR);

	assert_non_null(again);
	munmap(again, sizeof(*again));
	assert_null(shim_channel_map(null));
	assert_null(shim_channel_map(-1));
	assert_null(shim_channel_map(12345));
	close(null);
	channel->version++;
	assert_null(shim_channel_map(fd));
	channel->version--;
	channel->magic = 0;
	assert_null(shim_channel_map(fd));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_channel, close_channel)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(order),   TEST(full), TEST(wraps),
					   TEST(in_vain), TEST(many), TEST(maps)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
