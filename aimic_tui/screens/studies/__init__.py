"""Studies: how do networks do over several data sets?"""
