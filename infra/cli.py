"""The command `changming`: every piece of a deployment as an ordinary command.

Belongs here: the list of commands. Does not belong here: what they do (`cli_running`,
`cli_company`, `cli_docs`, `cli_drill`, `cli_policy`; and behind these, the rooms).
"""

import click

from infra import cli_company, cli_docs, cli_drill, cli_policy, cli_running

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=CONTEXT)
@click.version_option(package_name="changming", message="changming %(version)s")
def main() -> None:
    """Changming 长明: emergency dispatch and field work for city-gas companies.

    Commands that need a database take it from CHANGMING_DATABASE_URL (the application's role) and
    CHANGMING_OWNER_URL (the owner of the tables, for migrations). Without these they use what
    `changming up` runs from this checkout.
    """


for command in (
    cli_running.up,
    cli_running.serve,
    cli_running.migrate,
    cli_running.openapi,
    cli_docs.write_lifecycles,
    cli_docs.write_coverage,
    cli_company.create_company,
    cli_company.create_person,
    cli_company.import_roads,
    cli_company.import_zones,
    cli_policy.policy,
    cli_policy.processes,
    cli_policy.calendar,
    cli_drill.demo,
    cli_drill.drill,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
