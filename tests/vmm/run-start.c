/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs that do not start, and what the kernel need not have. */
#include "run-bench.h"

/* Every request of the start fails once, with one line and nothing left open. */
static void failing_starts(void **state)
{
	static const struct fake_run script[] = {MMIO(exit_7), BLOCK};
	unsigned failures = 0;
	bool done = false;

	for (int at = 0; !done; at++) {
		struct vmm_kernel backend = fake_kernel(&kernel);
		struct vmm_config c = config();
		int status;

		c.vcpus = 2;
		kernel.script[0] = script;
		kernel.fail_at = at;
		kernel.fail_error = EPERM;
		status = run(&backend, &c);
		done = kernel.requests <= at;
		/* Some failures are no reason to give up: a capability that is missing then. */
		if (status == 7)
			continue;
		assert_int_equal(status, VMM_UNAVAILABLE);
		assert_true(*run_error.text);
		assert_non_null(strstr(events, "\"status\":101"));
		failures++;
		assert_true(at < 100);
	}
	assert_true(failures > 15);
}

static void missing(void **state)
{
	static const struct fake_run script[] = {MMIO(exit_7), BLOCK};
	struct vmm_kernel backend = fake_kernel(&kernel);
	struct vmm_config c = config();

	kernel.script[0] = script;
	kernel.gic_error = -ENODEV;
	assert_int_equal(run(&backend, &c), 101);
	assert_non_null(strstr(run_error.text, "GICv3"));

	backend = fake_kernel(&kernel);
	kernel.script[0] = script;
	kernel.without[0] = SV_KVM_CAP_ARM_EL1_32BIT;
	assert_int_equal(run(&backend, &c), 7);
	c.aarch32 = true;
	backend = fake_kernel(&kernel);
	kernel.without[0] = SV_KVM_CAP_ARM_EL1_32BIT;
	assert_int_equal(run(&backend, &c), 101);
	assert_non_null(strstr(run_error.text, "--aarch32"));
	backend = fake_kernel(&kernel);
	kernel.script[0] = script;
	assert_int_equal(run(&backend, &c), 7);
	assert_int_equal(kernel.features[0], 6);
	assert_int_equal(kernel.mte_enabled, 0);

	/* Kernels without SVE, pointer authentication or half of it, and memory tags. */
	c = config();
	backend = fake_kernel(&kernel);
	kernel.script[0] = script;
	kernel.without[0] = SV_KVM_CAP_ARM_SVE;
	assert_int_equal(run(&backend, &c), 7);
	assert_int_equal(kernel.features[0], 0x64);
	assert_int_equal(kernel.mte_enabled, 1);
	for (unsigned half = SV_KVM_CAP_ARM_PTRAUTH_ADDRESS; half <= SV_KVM_CAP_ARM_PTRAUTH_GENERIC; half++) {
		backend = fake_kernel(&kernel);
		kernel.script[0] = script;
		kernel.without[0] = half;
		assert_int_equal(run(&backend, &c), 7);
		assert_int_equal(kernel.features[0], 0x14);
	}
	backend = fake_kernel(&kernel);
	kernel.script[0] = script;
	kernel.without[0] = SV_KVM_CAP_ARM_MTE;
	assert_int_equal(run(&backend, &c), 7);
	assert_int_equal(kernel.mte_enabled, 0);

	/* A CPU with 36-bit addresses; RAM begins at 1 GiB. */
	c = config();
	backend = fake_kernel(&kernel);
	kernel.ipa_bits = 36;
	c.memory = UINT64_C(64) << 30;
	assert_int_equal(run(&backend, &c), 100);
	assert_non_null(strstr(run_error.text, "36-bit"));
	c.memory = UINT64_C(63) << 30;
	backend = fake_kernel(&kernel);
	kernel.ipa_bits = 36;
	kernel.script[0] = script;
	assert_int_equal(run(&backend, &c), 7);
}

static void no_guest(void **state)
{
	struct vmm_kernel backend = fake_kernel(&kernel);
	struct vmm_config c = config();

	c.guest = "/nonexistent/guest";
	assert_int_equal(run(&backend, &c), 102);
	assert_int_equal(kernel.requests, 0);
	c = config();
	c.initrd = "/nonexistent/initrd";
	backend = fake_kernel(&kernel);
	assert_int_equal(run(&backend, &c), 102);
	assert_non_null(strstr(run_error.text, "initrd"));
	c = config();
	c.dtb = guest_path;
	backend = fake_kernel(&kernel);
	assert_int_equal(run(&backend, &c), 102);
	assert_non_null(strstr(run_error.text, "device tree"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failing_starts),
		cmocka_unit_test(missing),
		cmocka_unit_test(no_guest),
	};

	return cmocka_run_group_tests(tests, write_guest, remove_guest);
}
