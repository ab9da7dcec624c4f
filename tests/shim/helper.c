/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The helper beside a VMM whose process is dying, or in a guest's hands: whatever is in the memory that they share,
 * it goes on, ends with the VMM, and what it writes is well-formed.
 */
#include <fcntl.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/check.h"

#include <jansson.h>
#include <pthread.h>

#include "../../cli/wrap.h"

#define RANDOM 4000

static struct wrap_options options;
static struct shim_channel *channel;
static char events[64], said[64];
static int life[2];
static pid_t helper;

static int make_file(char *name)
{
	strcpy(name, "/tmp/salvage-helper-XXXXXX");
	return mkstemp(name);
}

/* In a process of its own, whose end is seen. */
static void start(const char *ledger)
{
	static char *vmm[] = {"vmm", NULL};
	int fd, ready[2];
	unsigned char status;

	close(make_file(events));
	close(make_file(said));
	options = (struct wrap_options){
		.events = events, .ledger = ledger, .name = "vm", .verbose = true, .vmm = vmm};
	channel = shim_channel_make(&fd);
	assert_non_null(channel);
	close(fd);
	assert_int_equal(pipe(life) | pipe(ready), 0);
	fflush(stdout);
	helper = fork();
	if (!helper) {
		close(life[1]);
		dup2(open(said, O_WRONLY | O_APPEND), STDERR_FILENO);
		/* A VMM that is over already, so that the pipe alone counts. */
		wrap_helper(&options, channel, life[0], -1, ready[1]);
		_exit(0);
	}
	close(life[0]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &status, 1), 1);
	assert_int_equal(status, 0);
	close(ready[0]);
}

static void put(const struct shim_message *message)
{
	unsigned position;

	while (!shim_channel_put(channel, message, &position))
		usleep(1000);
	if (position % 128 == 0)
		assert_true(shim_channel_wait(channel, position, 60000));
}

static void stop(void)
{
	int status;

	close(life[1]);
	assert_int_equal(waitpid(helper, &status, 0), helper);
	assert_int_equal(status, 0);
	munmap(channel, sizeof(*channel));
}

/* The last event of a name, or NULL; all of them are JSON. */
static json_t *event(const char *name)
{
	FILE *file = fopen(events, "r");
	char line[8192];
	json_t *found = NULL;

	while (fgets(line, sizeof(line), file)) {
		json_t *one = json_loads(line, 0, NULL);

		assert_non_null(one);
		if (strcmp(json_string_value(json_object_get(one, "event")), name)) {
			json_decref(one);
			continue;
		}
		json_decref(found);
		found = one;
	}
	fclose(file);
	return found;
}

static void clean_up(void)
{
	json_t *exit = event("exit");
	char line[8192];
	FILE *file = fopen(said, "r");

	/* What a sanitizer says that goes on. */
	while (fgets(line, sizeof(line), file))
		if (strstr(line, "runtime error"))
			fail_msg("%s", line);
	fclose(file);

	assert_non_null(exit);
	json_decref(exit);
	unlink(events);
	unlink(said);
}

/* Strings without an end, and what a terminal would obey. */
static void strings(void **state)
{
	struct shim_message message = {.kind = SHIM_ABORT,
				       .report.has_rule = true,
				       .report.has_region = true};
	char text[65536] = "";
	json_t *abort;
	FILE *file;

	start(NULL);
	message.report.report.cause = SV_CAUSE_HOLE;
	message.report.region = (struct shim_place){.last = 1, .kind = SV_REGION_WINDOW};
	memset(message.report.region.name, 'n', sizeof(message.report.region.name));
	memset(message.report.near.name, 'n', sizeof(message.report.near.name));
	memset(message.report.rule.text, 'r', sizeof(message.report.rule.text));
	put(&message);
	message.kind = SHIM_NOTICE;
	memset(message.text, 't', sizeof(message.text));
	strcpy(message.text, "red \033[31m and \xff");
	put(&message);
	stop();

	abort = event("abort");
	assert_non_null(abort);
	assert_int_equal(json_string_length(json_object_get(abort, "device")),
			 sizeof(message.report.region.name) - 1);
	assert_int_equal(json_string_length(json_object_get(abort, "rule")), SV_RULE_TEXT - 1);
	json_decref(abort);
	file = fopen(said, "r");
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_non_null(strstr(text, "red ?[31m and ?\n"));
	assert_null(strchr(text, '\033'));
	clean_up();
}

/* A second VM, for which the ledger cannot be opened any more: its errors are events all the same. */
static void lost_ledgers(void **state)
{
	struct shim_message message = {.kind = SHIM_ERROR,
				       .vcpu = -1,
				       .error = {.source = SV_RAS_SIGBUS_AO, .valid = SV_RAS_GPA}};
	char directory[] = "/tmp/salvage-helper-XXXXXX", ledger[128], moved[64];
	json_t *poison;

#ifndef HAVE_LEDGER
	skip();
#endif
	assert_non_null(mkdtemp(directory));
	snprintf(ledger, sizeof(ledger), "%s/ledger", directory);
	snprintf(moved, sizeof(moved), "%s.moved", directory);
	start(ledger);
	put(&message);
	while (!shim_channel_wait(channel, 0, 1000))
		;
	assert_int_equal(rename(directory, moved), 0);
	for (unsigned i = 0; i < 3; i++) {
		message.vm = 1;
		message.error.gpa = 0x1000 * i;
		put(&message);
	}
	stop();
	poison = event("poison");
	assert_non_null(poison);
	assert_string_equal(json_string_value(json_object_get(poison, "vm")), "vm.1");
	json_decref(poison);
	clean_up();
	snprintf(ledger, sizeof(ledger), "rm -r %s", moved);
	assert_int_equal(system(ledger), 0);
}

static uint64_t seed = UINT64_C(0x2545f4914f6cdd1d);

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void scramble(void *to, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((unsigned char *)to)[i] = (unsigned char)draw();
}

/* Whatever the bytes: kinds, numbers, enumerators, flags, pointers. */
static void any_bytes(void **state)
{
	struct shim_message message;

	start(NULL);
	for (unsigned i = 0; i < RANDOM; i++) {
		scramble(&message, sizeof(message));
		if (i % 8)
			message.kind = (uint32_t)(draw() % (SHIM_END + 1));
		if (i % 4)
			message.vm = (uint32_t)(draw() % 20);
		/* Near what is real, too. */
		if (i % 3) {
			message.report.report.cause %= SV_CAUSE_COUNT + 1;
			message.report.report.reason %= 64;
			message.report.report.ending %= 8;
		}
		put(&message);
	}
	stop();
	clean_up();
}

static void *meddle(void *opaque)
{
	atomic_bool *over = opaque;

	while (!atomic_load(over)) {
		*(volatile uint32_t *)&channel->window_count = UINT32_MAX / 2;
		*(volatile uint32_t *)&channel->tree_size = 65536;
		*(volatile uint32_t *)&channel->tree_size = UINT32_MAX;
	}
	return NULL;
}

/* The tree, and the windows of it, while somebody else writes there. */
static void trees(void **state)
{
	struct shim_message message = {.kind = SHIM_LOOK};
	atomic_bool over = false;
	pthread_t thread;
	char name[32];
	int node;

	start(NULL);
	fdt_create_empty_tree(channel->tree, 65536);
	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "dev\xff@%x", i);
		node = fdt_add_subnode(channel->tree, 0, name);
		if (node >= 0)
			fdt_setprop_u64(channel->tree, node, "reg", (uint64_t)i << 32 | 16);
	}
	channel->tree_size = 65536;
	put(&message);
	pthread_create(&thread, NULL, meddle, &over);
	for (unsigned i = 0; i < 200; i++) {
		put(&message);
		if (i > 150)
			channel->tree[draw() % 4096] ^= (uint8_t)draw();
	}
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	for (uint32_t i = 0, size = 0; i < 40; i++, size = i * 2) {
		channel->tree_size = size;
		put(&message);
	}
	stop();
	clean_up();
}

/* The queue's own numbers. */
static void queues(void **state)
{
	struct shim_message message = {.kind = SHIM_NOTICE};

	start(NULL);
	put(&message);
	for (unsigned i = 0; i < 1000; i++) {
		atomic_store(&channel->queue[draw() % SHIM_MESSAGES].turn, (unsigned)draw());
		atomic_store(&channel->tail, (unsigned)draw());
		shim_channel_ring(channel);
	}
	atomic_store(&channel->vm_pid, -5);
	stop();
	clean_up();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings), cmocka_unit_test(lost_ledgers), cmocka_unit_test(any_bytes),
		cmocka_unit_test(trees),   cmocka_unit_test(queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
