/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "run-bench.h"

struct fake_kernel kernel;
struct vmm_error run_error;
char guest_path[] = "salvage-run-XXXXXX";
const char *events;
char told[65536];

/* stp x1, x2, [x0], #16; ldxr x1, [x0]; st64b x2, [x0]; stp w1, w2, [x0], #8; ldp w1, w2, [x0] */
static const uint32_t guest_words[] = {0xa8810801, 0xc85f7c01, 0xf83f9002, 0x28810801, 0x29400801};

struct vmm_config config(void)
{
	return (struct vmm_config){.guest = guest_path,
				   .memory = 1 << 20,
				   .vcpus = 1,
				   .salvage = true,
				   .input = -1,
				   .output = -1};
}

int run(struct vmm_kernel *backend, struct vmm_config *config)
{
	static char buffer[65536];
	FILE *file = fmemopen(buffer, sizeof(buffer), "w"), *null = fmemopen(told, sizeof(told), "w"),
	     *before = stderr;
	int status;

	assert_non_null(file);
	memset(buffer, 0, sizeof(buffer));
	events = buffer;
	config->kernel = backend;
	/* The last event comes on top of the limit. */
	config->events = vmm_events_new(file, "vm", EVENTS);
	stderr = null;
	status = vmm_run(config, &run_error);
	stderr = before;
	vmm_events_free(config->events);
	fclose(file);
	fclose(null);
	assert_null(strchr(run_error.text, '\n'));
	assert_int_equal(kernel.open_fds, 0);
	assert_int_equal(kernel.mappings, 0);
	return status;
}

int run_script(const struct fake_run *script, bool salvage)
{
	struct vmm_kernel backend = fake_kernel(&kernel);
	struct vmm_config c = config();

	kernel.script[0] = script;
	c.salvage = salvage;
	return run(&backend, &c);
}

int run_policy(const struct fake_run *script, const char *rule)
{
	struct vmm_kernel backend = fake_kernel(&kernel);
	struct vmm_config c = config();
	struct sv_rule rules[1];
	struct sv_rule_error why;
	const struct sv_rule *other;
	struct sv_rule parsed;

	c.policy = (struct sv_policy){rules, 1, 0};
	if (rule) {
		assert_int_equal(sv_rule_parse(rule, strlen(rule), &parsed, &why), SV_OK);
		assert_int_equal(sv_policy_add(&c.policy, &parsed, &other), SV_OK);
	}
	kernel.script[0] = script;
	return run(&backend, &c);
}

void mmio(struct sv_kvm_run *run, uint64_t address, uint32_t length, bool write, uint64_t value)
{
	run->mmio.phys_addr = address;
	run->mmio.len = length;
	run->mmio.is_write = write;
	memcpy(run->mmio.data, &value, sizeof(value));
}

int write_guest(void **state)
{
	int fd = mkstemp(guest_path);

	return fd < 0 || write(fd, guest_words, sizeof(guest_words)) != sizeof(guest_words) || close(fd);
}

int remove_guest(void **state)
{
	return unlink(guest_path);
}
