/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The freestanding core alone, on any machine: a vCPU in memory aborts at a load pair from a device, and the
 * core carries it out. A hypervisor or a kernel that has the aborts of its guests, and no KVM, does it like
 * this.
 */
#include <stdio.h>
#include <string.h>

#include <salvage/abort.h>

#define RAM    0x40000000u
#define DEVICE 0x0a000000u

struct vcpu {
	uint64_t regs[SV_REG_COUNT];
	uint32_t ram[4];
};

static enum sv_status get(void *vcpu, enum sv_reg reg, uint64_t *value)
{
	*value = ((struct vcpu *)vcpu)->regs[reg];
	return SV_OK;
}

static enum sv_status set(void *vcpu, enum sv_reg reg, uint64_t value)
{
	((struct vcpu *)vcpu)->regs[reg] = value;
	return SV_OK;
}

static enum sv_status load(void *vcpu, const struct sv_region *region, uint64_t ipa, unsigned size,
			   void *data)
{
	memcpy(data, (const char *)region->host + (ipa - region->first), size);
	return SV_OK;
}

static enum sv_status store(void *vcpu, const struct sv_region *region, uint64_t ipa, unsigned size,
			    const void *data)
{
	memcpy((char *)region->host + (ipa - region->first), data, size);
	return SV_OK;
}

static enum sv_status inject(void *vcpu, const struct sv_injection *injection)
{
	return SV_UNSUPPORTED;
}

int main(void)
{
	static const struct sv_cpu_ops ops = {
		.regs = {.get = get, .set = set}, .load = load, .store = store, .inject = inject};
	/* ldp x1, x2, [x0], #16 */
	struct vcpu vcpu = {.regs = {[SV_X0] = DEVICE, [SV_PC] = RAM, [SV_PSTATE] = 0x3c5},
			    .ram = {0xa8c10801}};
	struct sv_cpu cpu = {.ops = &ops, .vcpu = &vcpu};
	/* What ESR_EL2 and HPFAR_EL2 said: a translation fault at level 3, by a read. */
	struct sv_abort abort = {.esr_iss = 0x07, .fault_ipa = DEVICE};
	struct sv_session session;
	struct sv_region regions[2];
	struct sv_space space;
	enum sv_verdict verdict;

	sv_space_init(&space, regions, 2);
	sv_space_add(&space, &(struct sv_region){RAM, RAM + 15, SV_REGION_RAM, "RAM", vcpu.ram});
	sv_space_add(&space, &(struct sv_region){DEVICE, DEVICE + 0xfff, SV_REGION_WINDOW, "device",
						 .sizes = SV_SIZES_ANY});
	sv_session_begin(&session, &cpu, &space, NULL, &abort);
	while ((verdict = sv_session_next(&session)) == SV_VERDICT_ACCESS) {
		printf("read of %u bytes at 0x%08llx\n", session.access.size,
		       (unsigned long long)session.access.ipa);
		memset(session.access.data, (int)(session.access.ipa & 0xff) + 1, session.access.size);
	}
	printf("x1 %llx x2 %llx x0 %llx pc %llx: %s\n", (unsigned long long)vcpu.regs[SV_X0 + 1],
	       (unsigned long long)vcpu.regs[SV_X0 + 2], (unsigned long long)vcpu.regs[SV_X0],
	       (unsigned long long)vcpu.regs[SV_PC], sv_ending_name(session.report.ending));
	return verdict != SV_VERDICT_RESUME;
}
