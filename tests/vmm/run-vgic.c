/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs in which the guest accesses the kernel's GIC in a way that the kernel does not describe. */
#include "run-bench.h"

#define DISTRIBUTOR   0x08000000
#define REDISTRIBUTOR 0x080a0000
#define ISENABLER     0x100
#define ICPENDR       0x280
#define IPRIORITYR    0x400
#define SGI_BASE      0x10000

/* stp w1, w2, [x0], #8 and ldp w1, w2, [x0] */
enum { STORE_PAIR = 12, LOAD_PAIR = 16 };

static void gic_abort(struct fake_kernel *k, unsigned vcpu, uint64_t pc, uint64_t base)
{
	*fake_register(k, vcpu, SV_KVM_CORE(0)) = base;
	*fake_register(k, vcpu, SV_KVM_CORE(8)) = 0xffffffff11111111;
	*fake_register(k, vcpu, SV_KVM_CORE(16)) = 0x22222222;
	*fake_register(k, vcpu, SV_KVM_CORE(SV_KVM_CORE_PSTATE)) = 0x3c5;
	*fake_register(k, vcpu, SV_KVM_CORE(SV_KVM_CORE_PC)) = 0x40000000 + pc;
}

#define GIC_ABORT(name, vcpu, pc, base)                                              \
	static void name##_fill(struct sv_kvm_run *run)                              \
	{                                                                            \
		run->arm_nisv.esr_iss = (pc) == STORE_PAIR ? ESR_WnR : 6;            \
		run->arm_nisv.fault_ipa = base;                                      \
	}                                                                            \
	static void name##_look(struct fake_kernel *k, const struct sv_kvm_run *run) \
	{                                                                            \
		gic_abort(k, vcpu, pc, base);                                        \
	}
GIC_ABORT(enable, 0, STORE_PAIR, DISTRIBUTOR + ISENABLER + 4)
GIC_ABORT(priority, 0, LOAD_PAIR, REDISTRIBUTOR + 0x20000 + SGI_BASE + IPRIORITYR + 8)
GIC_ABORT(pending, 0, STORE_PAIR, DISTRIBUTOR + ICPENDR + 4)
GIC_ABORT(straddle, 0, STORE_PAIR, DISTRIBUTOR + ISENABLER + 0xfc)
GIC_ABORT(other, 1, STORE_PAIR, DISTRIBUTOR + IPRIORITYR + 0x40)
#define NISV(name)                                                                       \
	{                                                                                \
		.reason = SV_KVM_EXIT_ARM_NISV, .fill = name##_fill, .look = name##_look \
	}

static void done_enable(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	assert_int_equal(*fake_gic_register(k, 1, ISENABLER + 4), 0x11111111);
	assert_int_equal(*fake_gic_register(k, 1, ISENABLER + 8), 0x22222222);
	assert_int_equal(*fake_register(k, 0, SV_KVM_CORE(0)), DISTRIBUTOR + ISENABLER + 12);
	assert_int_equal(*fake_register(k, 0, SV_KVM_CORE(SV_KVM_CORE_PC)), 0x40000000 + STORE_PAIR + 4);
	*fake_gic_register(k, 5, UINT64_C(1) << 32 | (SGI_BASE + IPRIORITYR + 8)) = 0x80a0c0e0;
	*fake_gic_register(k, 5, UINT64_C(1) << 32 | (SGI_BASE + IPRIORITYR + 12)) = 0x00204060;
	priority_look(k, run);
}

static void done_priority(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	assert_int_equal(*fake_register(k, 0, SV_KVM_CORE(8)), 0x80a0c0e0);
	assert_int_equal(*fake_register(k, 0, SV_KVM_CORE(16)), 0x00204060);
}

/*
 * The vGIC's registers, with the other vCPUs wherever they are: asleep in KVM_RUN, running, asking for the
 * same, or never started.
 */
static void vgic(void **state)
{
	static const struct fake_run script[] = {
		NISV(enable),
		{.reason = SV_KVM_EXIT_ARM_NISV, .fill = priority_fill, .look = done_enable},
		MMIO_CHECK(exit_7, done_priority),
		BLOCK};
	static const struct fake_run busy[] = {
		{.rc = -EINTR}, MMIO(write_recorder), {.rc = -EAGAIN}, MMIO(write_recorder), BLOCK};
	static const struct fake_run same[] = {NISV(other), NISV(other), NISV(other), NISV(other), BLOCK};

	for (unsigned i = 0; i < 200; i++) {
		struct vmm_kernel backend = fake_kernel(&kernel);
		struct vmm_config c = config();

		c.vcpus = 4;
		kernel.script[0] = script;
		kernel.script[1] = i % 2 ? same : busy;
		kernel.script[2] = busy;
		/* Of the last vCPU: its redistributor says Last. */
		*fake_gic_register(&kernel, 5, UINT64_C(3) << 32 | 8) = 0x10;
		assert_int_equal(run(&backend, &c), 7);
		assert_int_equal(kernel.gic_busy, 0);
		assert_int_equal(kernel.injections, 0);
		assert_non_null(strstr(events, "\"dir\":\"w\",\"ipa\":\"0x8000104\",\"size\":4,\"value\":"
					       "\"0x11111111\",\"device\":\"GICv3 distributor\""));
		assert_non_null(strstr(events, "\"dir\":\"r\",\"ipa\":\"0x80d0408\",\"size\":4,\"value\":"
					       "\"0x80a0c0e0\",\"device\":\"GICv3 redistributors\""));
	}
}

/* Nothing is touched where one register of several cannot be reached, or the kernel gives no access. */
static void vgic_refused(void **state)
{
	static const struct fake_run refused[] = {NISV(pending), MMIO(exit_7), BLOCK};
	static const struct fake_run half[] = {NISV(straddle), MMIO(exit_7), BLOCK};
	static const struct fake_run allowed[] = {NISV(enable), MMIO(exit_7), BLOCK};
	struct vmm_kernel backend;
	struct vmm_config c = config();
	const char *reason = "\"reason\":\"the kernel gives userspace no access there";

	assert_int_equal(run_script(refused, true), 7);
	assert_int_equal(kernel.injections, 1);
	assert_int_equal(kernel.gic_accesses, 2); /* what sv_kvm_vgic_init reads */
	assert_non_null(strstr(events, reason));
	assert_non_null(strstr(events, "\"cause\":\"unsupported\""));
	assert_null(strstr(events, "\"dir\":\"w\",\"ipa\":\"0x8000"));

	/* The last word of ICENABLER is possible, the first of ISPENDR is not. */
	assert_int_equal(run_script(half, true), 7);
	assert_non_null(strstr(events, "\"ipa\":\"0x8000200\""));
	assert_non_null(strstr(events, "\"accesses\":0,\"verdict\":\"injected\""));
	assert_int_equal(kernel.gic_accesses, 2);

	/* A kernel without the attributes. */
	backend = fake_kernel(&kernel);
	kernel.gic_attr_error = -ENXIO;
	kernel.script[0] = allowed;
	assert_int_equal(run(&backend, &c), 7);
	assert_int_equal(kernel.injections, 1);
	assert_non_null(strstr(events, "the device is inside the kernel"));
}

static void lose_attributes(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	enable_look(k, run);
	k->gic_attr_error = -EBUSY;
}

/* One that refuses all the same: the instruction ends with an abort. */
static void vgic_fails(void **state)
{
	static const struct fake_run script[] = {
		{.reason = SV_KVM_EXIT_ARM_NISV, .fill = enable_fill, .look = lose_attributes},
		MMIO(exit_7),
		BLOCK};

	assert_int_equal(run_script(script, true), 7);
	assert_int_equal(kernel.injections, 1);
	assert_non_null(strstr(events, "the device refused the access"));
	assert_null(strstr(events, "\"dir\":\"w\",\"ipa\":\"0x8000"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vgic),
		cmocka_unit_test(vgic_refused),
		cmocka_unit_test(vgic_fails),
	};

	return cmocka_run_group_tests(tests, write_guest, remove_guest);
}
