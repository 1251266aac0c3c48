-- SPDX-License-Identifier: Apache-2.0
-- Ways of transfers: files that a site fetches; how a site is reached directly by others.

alter table transfers drop constraint transfers_way_check;
alter table transfers add constraint transfers_way_check check (way in ('local', 'direct', 'relay', 'fetch'));
comment on column transfers.way is 'How the bytes go: straight from site to site, relayed by connections of the scheduler, or fetched by the destination from HTTP servers.';

alter table sites
    add column direct_host text check (octet_length(direct_host) between 1 and 255),
    add column direct_port integer check (direct_port between 1 and 65535),
    add column direct_keys text check (octet_length(direct_keys) between 1 and 1024);
comment on column sites.direct_host is 'How other sites reach its host for direct transfers; null: as the scheduler does.';
comment on column sites.direct_port is 'Port of that; null: as the scheduler does.';
comment on column sites.direct_keys is 'File of authorized keys that its sshd reads for the account, absolute or ~/...; null: ~/.ssh/authorized_keys.';
