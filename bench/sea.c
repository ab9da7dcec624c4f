/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One memory error from KVM's exit to the resumed guest, on a backend that answers from memory: what salvage
 * itself and the journal cost, without KVM's own ioctls.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <salvage/kvm.h>

#include "../src/kvm/uapi.h"
#include "bench.h"

#define RAM     UINT64_C(0x40000000)
#define PAGE    UINT64_C(4096)
#define VECTORS (RAM + 0x1000)

enum { FIRST = 1000, ROUNDS = 11, REPEATS = 20000, PAGES = 2048 };

static uint8_t ram[PAGES * PAGE] __attribute__((aligned(4096)));

static struct {
	uint64_t x0, pc, pstate, elr, other;
	unsigned ioctls, injections;
	struct sv_kvm_run run;
	struct sv_kvm_vcpu vcpu;
	struct sv_region regions[1];
	struct sv_space space;
} vm;

static uint64_t *reg_of(uint64_t id)
{
	switch (id) {
	case SV_KVM_CORE(0):
		return &vm.x0;
	case SV_KVM_CORE(SV_KVM_CORE_PC):
		return &vm.pc;
	case SV_KVM_CORE(SV_KVM_CORE_PSTATE):
		return &vm.pstate;
	case SV_KVM_CORE(SV_KVM_CORE_ELR_EL1):
		return &vm.elr;
	case SV_KVM_SYSREG(UINT64_C(3), 0, 12, 0, 0):
		vm.other = VECTORS;
		return &vm.other;
	default:
		vm.other = 0;
		return &vm.other;
	}
}

static int answer(void *opaque, int fd, unsigned long request, void *argument)
{
	struct sv_kvm_one_reg *reg = argument;

	vm.ioctls++;
	switch (request) {
	case SV_KVM_GET_ONE_REG:
		*(uint64_t *)(uintptr_t)reg->addr = *reg_of(reg->id);
		break;
	case SV_KVM_SET_ONE_REG:
		*reg_of(reg->id) = *(uint64_t *)(uintptr_t)reg->addr;
		break;
	case SV_KVM_SET_VCPU_EVENTS:
		vm.injections++;
		break;
	}
	return 0;
}

static const struct sv_kvm_backend backend = {.ioctl = answer};

static bool prepare(void)
{
	static const uint32_t load = 0xf9400001; /* ldr x1, [x0] */

	memset(&vm, 0, sizeof(vm));
	memcpy(ram, &load, sizeof(load));
	sv_space_init(&vm.space, vm.regions, 1);
	sv_space_add(&vm.space, &(struct sv_region){.first = RAM,
						    .last = RAM + sizeof(ram) - 1,
						    .kind = SV_REGION_RAM,
						    .name = "RAM",
						    .host = ram});
	return sv_kvm_vcpu_init(&vm.vcpu, &backend, 0, (struct kvm_run *)&vm.run, 0) == SV_OK;
}

/*
 * A load that met a bad line, without address if fnv. False: the guest was not told, or it was no such
 * sighting.
 */
static bool one(struct sv_ras *ras, uint64_t gpa, bool fnv, enum sv_ras_sighting sighting)
{
	struct sv_ras_answer recorded;
	struct sv_kvm_error error;

	vm.pc = RAM;
	vm.pstate = 0x3c5;
	vm.elr = 0;
	vm.x0 = gpa + 8;
	vm.run.exit_reason = SV_KVM_EXIT_ARM_SEA;
	vm.run.arm_sea.esr = fnv ? 0x92000410 : 0x92000010;
	vm.run.arm_sea.flags = !fnv;
	vm.run.arm_sea.gva = gpa + 8;
	vm.run.arm_sea.gpa = gpa;
	sv_kvm_run(&vm.vcpu);
	return sv_kvm_error(&vm.vcpu, 0, &vm.space, &error) &&
	       sv_ras_record(ras, &error.record, &recorded) == SV_OK && recorded.sighting == sighting &&
	       sv_kvm_answer(&vm.vcpu, NULL, &error, &recorded) == SV_VERDICT_RESUME &&
	       vm.vcpu.session.report.ending == SV_ENDING_INJECTED;
}

static double wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static bool known(struct sv_ras *ras, const char *what, uint64_t gpa, bool fnv)
{
	double ns[ROUNDS];
	unsigned ioctls = vm.ioctls;
	uint64_t allocations = bench_allocations();

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t start = bench_now();

		for (unsigned i = 0; i < REPEATS; i++)
			if (!one(ras, gpa, fnv, SV_RAS_REPEAT))
				return false;
		ns[round] = (double)(bench_now() - start) / REPEATS;
	}
	printf("%-58s %8.1f ns\n", what, bench_median(ns, ROUNDS));
	printf("%-58s %8u\n", "  KVM requests, with KVM_RUN", (vm.ioctls - ioctls) / (ROUNDS * REPEATS));
	printf("%-58s %8llu\n", "  allocations", (unsigned long long)(bench_allocations() - allocations));
	return true;
}

bool bench_sea(struct sv_ras *ras)
{
	static double us[FIRST];

	if (!prepare())
		return false;
	for (unsigned i = 0; i < FIRST; i++) {
		double start = wall_us();

		if (!one(ras, RAM + (i + 16) * PAGE, false, SV_RAS_NEW))
			return false;
		us[i] = wall_us() - start;
	}
	printf("%-58s %8.1f us\n", "exit to resumed guest, new page, on disk (median)",
	       bench_median(us, FIRST));
	printf("%-58s %8.1f us\n", "exit to resumed guest, new page (99 of 100 are faster)",
	       us[FIRST * 99 / 100]);
	return known(ras, "exit to resumed guest, known page", RAM + 16 * PAGE, false) &&
	       known(ras, "exit to resumed guest, known page, address inferred", RAM + 16 * PAGE, true);
}
