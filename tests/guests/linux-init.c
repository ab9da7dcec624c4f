/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User space of the Linux that runs as a guest: says that it is there and with how many CPUs, sends back a
 * line turned round, which takes the console's interrupts in both directions, and powers off.
 */
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

int main(void)
{
	char line[64];
	size_t length;

	printf("\nuser space: %ld CPUs\n", sysconf(_SC_NPROCESSORS_ONLN));
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	length = strcspn(line, "\r\n");
	printf("turned round: ");
	while (length)
		putchar(line[--length]);
	printf("\n");
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
